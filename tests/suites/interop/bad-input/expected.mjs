// What a case of bad input comes to: the class and code of the error and, of bad input, the field.

export const invalid = (field) => ({ class: "ValidationError", code: "invalidArgument", field });
export const failed = { class: "ValidationError", code: "preconditionFailed" };
export const missing = (code) => ({ class: "NotFoundError", code });
export const reused = { class: "IMessageError", code: "duplicateMessage" };
export const unsupported = { class: "IMessageError", code: "operationNotSupported" };
