"""Resources as YAML or JSON text: read with positions, validated, written back."""
