// A relay has no control plane.
export async function control(..._: unknown[]): Promise<void> {}
