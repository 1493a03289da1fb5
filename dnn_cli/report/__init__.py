"""Tables, charts, texts and pages that present results."""
