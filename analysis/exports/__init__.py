"""The formats that other tools read and write, one module each."""
