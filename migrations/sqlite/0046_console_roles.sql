-- When a provider last said which roles the person of a session has; and sign-ins that only ask for that again.
ALTER TABLE console_session ADD COLUMN vouched_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE console_sign_in ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
