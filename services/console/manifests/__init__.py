"""Resources as files have them: text with places, checked, and written back."""
