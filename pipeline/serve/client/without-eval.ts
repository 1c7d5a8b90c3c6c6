import * as z from "zod";

// The page's policy forbids to make code from text, which zod would otherwise try. Imported before any schema.
z.config({ jitless: true });
