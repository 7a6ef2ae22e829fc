// Builds dist/javascript.wasm from probe.js and the modules it imports.
//
// The WIT folder that the bindings are made from is put together anew in a temporary directory, so that no text is kept
// here twice:
//   world.wit        ours, from wit/
//   deps/<noun>      the interfaces under test, from the repository's own wit/
//   deps/wasi.wit    WASI's, as an npm package ships them, under a newer version
import { componentize } from '@bytecodealliance/componentize-js';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chdir } from 'node:process';
import { fileURLToPath } from 'node:url';

const NOUNS = ['blobs', 'documents', 'identity', 'fermyon-spin-variables', 'keyvalue', 'sql', 'wasi-config-rc'];

const WASI = '@spinframework/wasi-http-proxy/wit/wasi-http@0.2.3.wit';
const SHIPPED = '@0.2.3';
// The engine of componentize-js imports 0.2.10. What a world imports at that version or an older one is taken for the
// engine's and cut out with its features: the component builds, and traps at its first call. A newer version is left
// alone. Within 0.2 versions only add, so what this file declares is declared there too.
const WANTED = '@0.2.12';

const here = fileURLToPath(new URL('.', import.meta.url));
// componentize-js cuts the working directory off the source's path, and fails where that is the root.
chdir(here);

const wit = await mkdtemp(join(tmpdir(), 'probe-javascript-wit-'));
try {
    await cp('wit', wit, { recursive: true });
    for (const noun of NOUNS) {
        await cp(join('../../../wit', noun), join(wit, 'deps', noun), { recursive: true });
    }
    const wasi = await readFile(fileURLToPath(import.meta.resolve(WASI)), 'utf8');
    await writeFile(join(wit, 'deps', 'wasi.wit'), wasi.replaceAll(SHIPPED, WANTED));

    const { component } = await componentize({
        sourcePath: join(here, 'probe.js'),
        sourceName: 'probe.js',
        witPath: wit,
        worldName: 'probe',
        // Nothing of the engine's own: the component imports what the world names and no more.
        disableFeatures: ['stdio', 'random', 'clocks', 'http', 'fetch-event'],
    });

    await mkdir('dist', { recursive: true });
    await writeFile('dist/javascript.wasm', component);
    console.log(`dist/javascript.wasm: ${component.length} bytes`);
} finally {
    await rm(wit, { recursive: true, force: true });
}
