"""One file or package a neighbouring library, named after it; each imports that library and no other of them."""
