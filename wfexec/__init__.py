"""A Kubernetes controller that runs multi-step remediation workflows."""
