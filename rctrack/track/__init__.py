"""Tracking: what is stored of a project as its book, one look at a source, a look at the clock."""
