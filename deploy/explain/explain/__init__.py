"""`explain`: proves from outside, with read-only credentials, which resource blocks a connection."""
