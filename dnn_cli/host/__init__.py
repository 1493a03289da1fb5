"""The machine that the program runs on: its folders, its processor and its memory."""
