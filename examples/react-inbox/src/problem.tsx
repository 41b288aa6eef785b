/** What went wrong, in the words of the error. */
export function Problem({ error, again }: { error: unknown; again?: () => unknown }) {
  return (
    <p role="alert">
      {error instanceof Error ? error.message : String(error)} {again && <button type="button" onClick={() => void again()}>Try again</button>}
    </p>
  );
}
