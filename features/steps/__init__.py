"""The sentences of the features, by what they do."""
