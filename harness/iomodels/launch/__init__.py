"""Start programs, talk to them and leave none behind."""
