// stoa:sql; the calls are those of the probe sql-02.
import { open as openToRead, query as find, queryCursor } from 'stoa:sql/read@0.1.0';
import { begin, open as openForTransactions } from 'stoa:sql/transactions@0.1.0';
import { execute, executeBatch, open as openToWrite } from 'stoa:sql/write@0.1.0';
import { BadRequest, lines, number, text, using, wanted } from './answers.js';

const PART = 100;

const inside = (open, operation) => (query) => using(
    open(wanted(query, 'label')),
    (database) => operation(database, query),
);

export const operations = {
    label: inside(openToRead, (database) => text(database.label())),

    query: inside(openToRead, (database, query) => lines(rows(find(database, statement(query))))),

    cursor: inside(openToRead, (database, query) => using(
        queryCursor(database, statement(query)),
        (cursor) => {
            const sizes = [cursor.columns().length];
            let part;
            do {
                part = cursor.next(number(query, 'max') ?? PART);
                sizes.push(part.length);
            } while (part.length > 0);
            return text(sizes.join(' '));
        },
    )),

    execute: inside(openToWrite, (database, query) => lines(executed(execute(database, statement(query))))),

    fill: inside(openToWrite, (database, query) => {
        const filled = { tag: 'text', val: 'x'.repeat(number(query, 'bytes') ?? 0) };
        return lines(executed(execute(database, { text: wanted(query, 'sql'), parameters: [filled] })));
    }),

    batch: inside(openToWrite, (database, query) => lines(
        executeBatch(database, query.getAll('sql').map(plain)).flatMap(executed),
    )),

    transaction: inside(openForTransactions, (database, query) => using(
        begin(database, wanted(query, 'access')),
        (transaction) => lines(query.getAll('step').map((written) => told(transaction, written))),
    )),
};

export const answer = (operation, query) => operation(query);

// A step's answer in one line; a failure is told by its variant.
function told(transaction, written) {
    try {
        return step(transaction, written).join(', ');
    } catch (thrown) {
        if (thrown?.payload?.tag === undefined) {
            throw thrown;
        }
        return thrown.payload.tag;
    }
}

function step(transaction, written) {
    const [what, sql] = split(written);
    switch (what) {
        case 'query':
            return rows(transaction.query(plain(sql)));
        case 'execute':
            return executed(transaction.execute(plain(sql)));
        case 'commit':
            transaction.commit();
            return ['done'];
        case 'rollback':
            transaction.rollback();
            return ['done'];
        default:
            throw new BadRequest(`no such step: ${written}`);
    }
}

const plain = (sql) => ({ text: sql, parameters: [] });

const statement = (query) => ({ text: wanted(query, 'sql'), parameters: query.getAll('p').map(value) });

// The kind of a written value and the rest; `null` is only a kind.
function split(written) {
    const at = written.indexOf(':');
    return at < 0 ? [written, ''] : [written.slice(0, at), written.slice(at + 1)];
}

function value(written) {
    const [kind, rest] = split(written);
    switch (kind) {
        case 'null':
            return { tag: 'null' };
        case 'b':
            return { tag: 'boolean', val: rest === 'true' };
        case 'i':
            return { tag: 'integer', val: BigInt(rest) };
        case 'r':
            return { tag: 'real', val: Number(rest) };
        case 'd':
            return { tag: 'decimal', val: rest };
        case 't':
            return { tag: 'text', val: rest };
        case 'x':
            return { tag: 'blob', val: new TextEncoder().encode(rest) };
        case 'm':
            return { tag: 'timestamp', val: rest };
        default:
            throw new BadRequest(`no such value: ${written}`);
    }
}

const KINDS = { boolean: 'b', integer: 'i', real: 'r', decimal: 'd', text: 't', timestamp: 'm' };

function shown({ tag, val }) {
    switch (tag) {
        case 'null':
            return 'null';
        case 'blob':
            return `x:${new TextDecoder().decode(val)}`;
        default:
            return `${KINDS[tag]}:${val}`;
    }
}

function rows({ columns, rows: found }) {
    const column = ({ name, declared }) => declared === undefined ? name : `${name} ${declared}`;
    return [columns.map(column).join('|'), ...found.map((row) => row.map(shown).join('|'))];
}

function executed({ rowsAffected, lastInsertId, returned }) {
    return [
        `${rowsAffected} ${lastInsertId ?? '-'}`,
        ...returned.columns.length === 0 ? [] : rows(returned),
    ];
}
