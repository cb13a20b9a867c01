"""What a reader can do with the papers: one short lesson per claim, a script that is a notebook."""
