"""Archives of any number of pictures to one Parquet file: in parts, and from where it stopped."""
