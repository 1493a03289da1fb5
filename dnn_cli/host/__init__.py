"""Machine that the program runs on: its directories, cores, memory and terminal."""
