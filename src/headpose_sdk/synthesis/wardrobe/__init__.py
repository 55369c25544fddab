"""What a head wears, tied to the mesh of any head: hair, clothes, hats, glasses, masks, make-up."""
