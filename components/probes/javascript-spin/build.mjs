// Builds dist/javascript-spin.wasm from app.js.
//
// The WIT folder that the bindings are made from is put together anew in a temporary directory, so that no text is kept
// here twice: the world is written below, the store's interface is the repository's own, WASI's are those that an npm
// package ships, under the engine's version.
import { componentize } from '@bytecodealliance/componentize-js';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chdir } from 'node:process';
import { fileURLToPath } from 'node:url';

const STORE = 'wasi-keyvalue-draft2';
const WASI = '@spinframework/wasi-http-proxy/wit/wasi-http@0.2.3.wit';
const SHIPPED = '@0.2.3';
// What the engine of componentize-js imports itself: its own handler serves `fetch` events.
const ENGINE = '@0.2.10';

const WORLD = `
package stoa:javascript-spin@0.1.0;

world app {
    import wasi:keyvalue/store@0.2.0-draft2;

    export wasi:http/incoming-handler${ENGINE};
}
`;

const here = fileURLToPath(new URL('.', import.meta.url));
// componentize-js cuts the working directory off the source's path, and fails where that is the root.
chdir(here);

const wit = await mkdtemp(join(tmpdir(), 'probe-javascript-spin-wit-'));
try {
    await writeFile(join(wit, 'world.wit'), WORLD);
    await cp(join('../../../wit', STORE), join(wit, 'deps', STORE), { recursive: true });
    const wasi = await readFile(fileURLToPath(import.meta.resolve(WASI)), 'utf8');
    await writeFile(join(wit, 'deps', 'wasi.wit'), wasi.replaceAll(SHIPPED, ENGINE));

    const { component } = await componentize({
        sourcePath: join(here, 'app.js'),
        sourceName: 'app.js',
        witPath: wit,
        worldName: 'app',
    });

    await mkdir('dist', { recursive: true });
    await writeFile('dist/javascript-spin.wasm', component);
    console.log(`dist/javascript-spin.wasm: ${component.length} bytes`);
} finally {
    await rm(wit, { recursive: true, force: true });
}
