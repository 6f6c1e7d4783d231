"""Pure renderers over notices and books: sentences, mails, digests, tables, JSON. None of them decides anything."""
