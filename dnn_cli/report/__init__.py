"""How results look: plain values in, tables and text out."""
