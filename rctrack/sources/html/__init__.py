"""Archives of web pages: what the kinds that read them have in common."""
