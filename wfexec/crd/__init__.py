"""The border: model to CRD YAML, and dict to model and back."""
