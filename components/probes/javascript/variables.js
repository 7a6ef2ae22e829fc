// The component's variables, as fermyon:spin and as wasi:config; the calls are those of the probe variables-02.
import { get as getOfSpin } from 'fermyon:spin/variables@2.0.0';
import { get as getOfConfig, getAll } from 'wasi:config/store@0.2.0-rc.1';
import { lines, text, wanted } from './answers.js';

const answer = (operation, query) => operation(query);

export const fermyon = {
    answer,
    operations: { get: (query) => text(getOfSpin(wanted(query, 'name'))) },
};

export const rc = {
    answer,
    operations: {
        get: (query) => {
            const value = getOfConfig(wanted(query, 'name'));
            return value === undefined ? [404] : text(value);
        },

        all: () => lines(getAll().map(([name, value]) => `${name}=${value}`)),
    },
};
