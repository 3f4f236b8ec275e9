"""The twelve published experiments, one YAML file each."""
