"""The fake cluster: API server, executor and the targets that steps really change."""
