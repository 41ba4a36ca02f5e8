"""What Concord answers over HTTP."""
