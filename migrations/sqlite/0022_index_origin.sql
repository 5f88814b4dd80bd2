-- Who computed an index: this gateway, or a key service that evaluated a blinded identifier.
ALTER TABLE subject_index ADD COLUMN origin TEXT NOT NULL DEFAULT 'gateway';
