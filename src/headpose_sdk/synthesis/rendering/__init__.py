"""Light, camera and OpenGL."""
