"""What an archive knows of its mirror: its id, the ledger, the record about to be put."""
