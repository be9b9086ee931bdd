"""Dead letters: looking at them, editing them, and producing them again or dropping them, for whoever asks."""
