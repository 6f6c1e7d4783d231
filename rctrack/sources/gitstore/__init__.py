"""Git repositories as the sources use them: ours or the user's, ranges of commits, counts, signatures."""
