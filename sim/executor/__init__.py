"""The executor that carries out KubernetesExecutions in place of a real one: outcome model, machine, target world."""
