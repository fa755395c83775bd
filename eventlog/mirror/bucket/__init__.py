"""The form of a bucket: names of its objects, commit records, roll-ups. Pure."""
