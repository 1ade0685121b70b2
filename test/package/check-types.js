// Checks a consumer's files and the declarations of the package that it installed, once for each module resolution, and
// prints what is wrong. Only these files: the declarations of other packages are not ours to check, and take their time.
import path from 'node:path'
import process from 'node:process'
import ts from 'typescript'

const [folder] = process.argv.slice(2)
const resolutions = [
  { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16, files: ['consumer.ts'] },
  { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, files: ['consumer.ts', 'consumer.cts'] },
  { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, files: ['consumer.ts'] }
]
process.chdir(folder)

for (const { files, ...options } of resolutions) {
  const program = ts.createProgram(files, {
    ...options, target: ts.ScriptTarget.ES2022, lib: ['lib.es2022.d.ts'], types: ['node'], strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true
  })
  const ours = program.getSourceFiles().filter(({ fileName }) => files.includes(path.relative(folder, fileName)) || fileName.includes('/node_modules/mcp-weir/'))
  const diagnostics = [
    ...program.getConfigFileParsingDiagnostics(), ...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics(),
    ...ours.flatMap(file => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
  ]
  const name = ts.ModuleResolutionKind[options.moduleResolution]
  process.stdout.write(`${name}: ${ours.length} files, ${diagnostics.length} errors\n${ts.formatDiagnostics(diagnostics, ts.createCompilerHost({}))}`)
}
