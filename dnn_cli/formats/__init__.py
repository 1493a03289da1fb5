"""Readers of users' own data files: csv, npz, idx and image directories. Error messages name file, line and column."""
