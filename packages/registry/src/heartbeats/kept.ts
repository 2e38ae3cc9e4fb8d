/** The copy of a text that is kept already, where it is the same: most of what a heartbeat says it said before. */
export const kept = (text: string, before: string | undefined): string => (before === text ? before : text);
