// stoa:identity; the calls are those of the probe identity-02.
import { hash, open as openPasswords, verify as check } from 'stoa:identity/passwords@0.1.0';
import { open as openTokens, sign } from 'stoa:identity/tokens@0.1.0';
import { open as openVerify, publicKeys, verify } from 'stoa:identity/verify@0.1.0';
import { number, text, using, wanted } from './answers.js';

const opened = (open, use) => (query) => using(open(wanted(query, 'label')), (identity) => text(use(identity, query)));

export const operations = {
    hash: opened(openPasswords, (identity, query) => hash(identity, wanted(query, 'password'))),

    check: opened(openPasswords, (identity, query) => {
        const { matches, rehash } = check(identity, wanted(query, 'password'), wanted(query, 'hash'));
        return `${matches}${rehash === undefined ? '' : ' rehash'}`;
    }),

    sign: opened(openTokens, (identity, query) => sign(identity, {
        subject: wanted(query, 'subject'),
        audience: query.get('audience') ?? undefined,
        seconds: number(query, 'seconds') ?? 60,
        id: undefined,
        extra: query.get('extra') ?? '',
    })),

    verify: opened(openVerify, (identity, query) => {
        const { subject, extra } = verify(identity, wanted(query, 'token'), query.get('audience') ?? undefined);
        return `${subject} ${extra}`;
    }),

    keys: opened(openVerify, (identity) => publicKeys(identity)),
};

export const answer = (operation, query) => operation(query);
