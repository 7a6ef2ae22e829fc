// stoa:documents; the calls are those of the probe documents-02.
import { count, facets, find, get, open as openToRead } from 'stoa:documents/read@0.1.0';
import {
    delete as remove, deleteMatching, findAndUpdate, open as openToWrite, put,
} from 'stoa:documents/write@0.1.0';
import { BadRequest, encode, lines, text, using, wanted } from './answers.js';

const LIMIT = 1000;
const COMPARISONS = ['equal', 'not-equal', 'less', 'less-or-equal', 'greater', 'greater-or-equal'];

const collection = (query) => wanted(query, 'collection');
const shown = ({ id, body }) => `${id} ${body}`;

const reading = (operation) => (query) => using(
    openToRead(wanted(query, 'label')),
    (store) => operation(store, query),
);

const writing = (operation) => (query) => using(
    openToWrite(wanted(query, 'label')),
    (store) => operation(store, query),
);

export const operations = {
    get: reading((store, query) => {
        const ids = query.getAll('id');
        const found = get(store, collection(query), ids);
        return lines(found.map((document, at) => document === undefined ? ids[at] : shown(document)));
    }),

    find: reading((store, query) => {
        const { documents, next } = find(store, collection(query), parsed(query));
        return lines([...documents.map(shown), ...next === undefined ? [] : [`next ${next}`]]);
    }),

    walk: reading((store, query) => {
        const pages = [];
        let { after, ...rest } = parsed(query);
        do {
            const page = find(store, collection(query), { ...rest, after });
            pages.push(page.documents.map(({ id }) => id).join(' '));
            after = page.next;
        } while (after !== undefined);
        return lines(pages);
    }),

    count: reading((store, query) => text(
        count(store, collection(query), filter(query), query.get('search') ?? undefined),
    )),

    facets: reading((store, query) => {
        const facet = (named) => {
            const at = named.lastIndexOf(':');
            return { path: named.slice(0, at), limit: Number(named.slice(at + 1)) };
        };
        const search = query.get('search') ?? undefined;
        const counted = facets(store, collection(query), filter(query), search, query.getAll('facet').map(facet));
        return lines(counted.map((buckets) => buckets.map(bucket).join(' ')));
    }),

    put: writing((store, query) => {
        const bodies = query.getAll('body');
        const writes = query.getAll('id').map((id, at) => ({
            id,
            body: bodies[at],
            precondition: precondition(query, id),
        }));
        const written = put(store, collection(query), writes);
        if (written.length > 1) {
            return lines(written.map(({ tag, val }) => tag === 'ok' ? 'written' : val.tag));
        }
        const [{ tag, val }] = written;
        if (tag === 'err') {
            throw { payload: val };
        }
        return [204];
    }),

    update: writing((store, query) => {
        const document = findAndUpdate(store, collection(query), {
            filter: filter(query),
            sort: sort(query),
            operators: query.getAll('change').map(operator),
            answer: query.get('answer') ?? 'after',
        });
        return document === undefined ? [404] : [200, encode(shown(document))];
    }),

    delete: writing((store, query) => {
        const id = wanted(query, 'id');
        return text(remove(store, collection(query), id, precondition(query, id)));
    }),

    'delete-matching': writing((store, query) => text(
        deleteMatching(store, collection(query), filter(query), limit(query)),
    )),
};

export const answer = (operation, query) => operation(query);

const limit = (query) => Number(query.get('limit') ?? LIMIT);

const filter = (query) => query.getAll('c').map(condition);

function parsed(query) {
    const fields = query.getAll('field');
    return {
        filter: filter(query),
        search: query.get('search') ?? undefined,
        sort: sort(query),
        fields: fields.length === 0 ? undefined : fields,
        after: query.get('after') ?? undefined,
        limit: limit(query),
    };
}

function sort(query) {
    return query.getAll('sort').map((path) => path.startsWith('-')
        ? { path: path.slice(1), direction: 'descending' }
        : { path, direction: 'ascending' });
}

function bucket({ value: { tag, val }, count: times }) {
    return `${tag === 'null' ? 'null' : val}=${times}`;
}

function precondition(query, id) {
    const when = query.get('when') ?? 'always';
    switch (when) {
        case 'always':
        case 'absent':
        case 'present':
            return { tag: when };
        case 'current':
            return { tag: 'version', val: current(query, id) };
        default:
            return { tag: 'version', val: BigInt(when) };
    }
}

const current = (query, id) => using(openToRead(wanted(query, 'label')), (store) => {
    const [document] = get(store, collection(query), [id]);
    if (document === undefined) {
        throw new BadRequest('there is not a stored document');
    }
    return document.version;
});

// The part before the first colon, and the rest.
function split(written) {
    const at = written.indexOf(':');
    if (at < 0) {
        throw new BadRequest(`no colon in ${written}`);
    }
    return [written.slice(0, at), written.slice(at + 1)];
}

function operator(written) {
    const [what, rest] = split(written);
    if (what === 'unset') {
        return { tag: 'unset', val: rest };
    }
    const [path, value] = split(rest);
    switch (what) {
        case 'set':
            return { tag: 'set', val: { path, value } };
        case 'increment':
            return { tag: 'increment', val: { path, by: BigInt(value) } };
        case 'push':
            return { tag: 'push', val: { path, value, keepLast: undefined } };
        case 'push-keeping': {
            const [last, json] = split(value);
            return { tag: 'push', val: { path, value: json, keepLast: Number(last) } };
        }
        case 'pull':
            return { tag: 'pull', val: { path, filter: [condition(value)] } };
        default:
            throw new BadRequest(`there is no ${what}`);
    }
}

function condition(written) {
    const [what, rest] = split(written);
    if (['all-of', 'any-of', 'none-of'].includes(what)) {
        return { tag: what, val: new Uint32Array(rest.split(',').map(Number)) };
    }
    const [path, value] = split(rest);
    switch (what) {
        case 'one-of':
            return { tag: 'one-of', val: { path, values: value.split(',').map(scalar) } };
        case 'exists':
            return { tag: 'exists', val: { path, exists: value === 'true' } };
        case 'starts-with':
            return { tag: 'starts-with', val: { path, start: value } };
        case 'element':
            return { tag: 'element', val: { path, condition: Number(value) } };
        default:
            if (!COMPARISONS.includes(what)) {
                throw new BadRequest(`there is no ${what}`);
            }
            return { tag: 'compare', val: { path, comparison: what, value: scalar(value) } };
    }
}

// `NaN` is a number, so that one can be sent.
function scalar(written) {
    switch (true) {
        case written === 'null':
            return { tag: 'null' };
        case written === 'true' || written === 'false':
            return { tag: 'boolean', val: written === 'true' };
        case /^-?\d+$/.test(written):
            return { tag: 'integer', val: BigInt(written) };
        case written === 'NaN' || (written !== '' && !Number.isNaN(Number(written))):
            return { tag: 'number', val: Number(written) };
        default:
            return { tag: 'text', val: written };
    }
}
