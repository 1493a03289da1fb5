"""Users' own data files: tables, arrays and folders of images, read with care and with faults that name the place."""
