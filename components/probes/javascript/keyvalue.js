// stoa:keyvalue; the calls are those of the probe keyvalue-02.
import { get, list, open as openToRead } from 'stoa:keyvalue/read@0.1.0';
import { apply, increment, open as openToWrite } from 'stoa:keyvalue/write@0.1.0';
import { BadRequest, encode, lines, text, using, wanted } from './answers.js';

const PAGE = 1000;

const key = (query) => wanted(query, 'key');

const reading = (operation) => (query) => using(
    openToRead(wanted(query, 'label')),
    (store) => operation(store, query),
);

const writing = (operation) => (query) => using(
    openToWrite(wanted(query, 'label')),
    (store) => operation(store, query),
);

const changing = (action) => writing((store, query) => {
    apply(store, [{ key: key(query), condition: { tag: 'always' }, action: action(query) }]);
    return [204];
});

export const operations = {
    get: reading((store, query) => {
        const value = get(store, key(query));
        return value === undefined ? [404] : [200, value.bytes];
    }),

    exists: reading((store, query) => text(get(store, key(query)) !== undefined)),

    ttl: reading((store, query) => {
        const value = get(store, key(query));
        return value === undefined ? [404] : text(value.expiresInMs ?? 'none');
    }),

    list: reading((store, query) => {
        const keys = [];
        let after;
        do {
            const range = { prefix: query.get('prefix') ?? '', after, limit: PAGE, projection: 'keys' };
            const page = list(store, range);
            keys.push(...page.entries.map((entry) => entry.key));
            after = page.next;
        } while (after !== undefined);
        return lines(keys);
    }),

    set: changing((query) => {
        const value = encode(wanted(query, 'value'));
        const ttlMs = ttl(query);
        return ttlMs === undefined
            ? { tag: 'set', val: value }
            : { tag: 'set-expiring', val: { value, ttlMs } };
    }),

    expire: changing((query) => ({ tag: 'expire', val: ttl(query) })),

    delete: changing(() => ({ tag: 'delete' })),

    increment: writing((store, query) => text(
        increment(store, key(query), whole(wanted(query, 'delta'))),
    )),
};

export const answer = (operation, query) => operation(query);

function ttl(query) {
    const written = query.get('ttl');
    return written === null ? undefined : whole(written);
}

function whole(written) {
    if (!/^-?\d+$/.test(written)) {
        throw new BadRequest(`${written} is no number`);
    }
    return BigInt(written);
}
