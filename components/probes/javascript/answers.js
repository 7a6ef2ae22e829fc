// What the modules of this probe share: parameters, answers, resources.

// A request that the probe itself does not understand.
export class BadRequest extends Error {}

export const encode = (text) => new TextEncoder().encode(text);

export const text = (value) => [200, encode(String(value))];

export const lines = (values) => text(values.map((value) => `${value}\n`).join(''));

// A parameter that must be there.
export function wanted(query, name) {
    const value = query.get(name);
    if (value === null) {
        throw new BadRequest(`no ${name} was given`);
    }
    return value;
}

// A number that may be missing.
export function number(query, name) {
    const value = query.get(name);
    return value === null ? undefined : Number(value);
}

// Uses a resource and drops it, whatever happens.
export function using(resource, use) {
    try {
        return use(resource);
    } finally {
        dispose(resource);
    }
}

// The engine has no `using`, and a handle that was lent once is not dropped by its garbage collector.
export function dispose(resource) {
    resource[Symbol.dispose ?? Symbol.for('dispose')]?.();
}
