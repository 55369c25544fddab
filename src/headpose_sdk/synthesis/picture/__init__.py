"""Around the drawn head: the background, what is held before the face, what camera and file do."""
