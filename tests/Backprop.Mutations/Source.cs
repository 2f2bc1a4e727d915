using System.Collections.Immutable;
using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace Backprop.Mutations;

/// <summary>The library as the real build compiles it: the same files, options and references, by the build's own command line.</summary>
internal sealed class Source
{
    private readonly CSharpCompilation _compilation;
    private readonly Dictionary<string, SyntaxTree> _trees;
    private readonly byte[] _original;

    private Source(string directory, CSharpCompilation compilation)
    {
        _compilation = compilation;
        _trees = compilation.SyntaxTrees.ToDictionary(tree => Path.GetRelativePath(directory, tree.FilePath).Replace('\\', '/'));
        _original = Emit(compilation, out var errors) ?? throw new InvalidOperationException($"The source does not compile: {string.Join<Diagnostic>('\n', errors)}");
    }

    /// <summary>Asks the build how it would compile the library.</summary>
    /// <param name="root">The repository.</param>
    public static Source Open(string root)
    {
        var directory = Path.Combine(root, "src", "Backprop");
        var start = new ProcessStartInfo("dotnet") { WorkingDirectory = directory, RedirectStandardOutput = true };
        // As for an editor: the arguments are made, the compiler is not run. The file that does not exist makes the build think there is something to do.
        string[] arguments =
        [
            "msbuild", "Backprop.csproj", "-nologo", "-t:Compile", "-getItem:CscCommandLineArgs", "-p:Configuration=Release", "-p:ProvideCommandLineArgs=true",
            "-p:SkipCompilerExecution=true", "-p:NonExistentFile=there.is.none",
        ];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var build = Process.Start(start)!;
        var output = build.StandardOutput.ReadToEnd();
        build.WaitForExit();
        if (build.ExitCode != 0) throw new InvalidOperationException($"The build could not say how it compiles src/Backprop:\n{output}");

        using var json = JsonDocument.Parse(output);
        var line = json.RootElement.GetProperty("Items").GetProperty("CscCommandLineArgs").EnumerateArray().Select(item => item.GetProperty("Identity").GetString()!);
        var parsed = CSharpCommandLineParser.Default.Parse(line, directory, sdkDirectory: null);
        var parse = parsed.ParseOptions.WithDocumentationMode(DocumentationMode.None);
        var trees = parsed.SourceFiles.Select(file => CSharpSyntaxTree.ParseText(SourceText.From(File.ReadAllText(file.Path)), parse, file.Path));
        // A mutant may leave a variable unused or a value null: warnings are no reason to refuse it.
        var options = parsed.CompilationOptions.WithGeneralDiagnosticOption(ReportDiagnostic.Default).WithSpecificDiagnosticOptions(ImmutableDictionary<string, ReportDiagnostic>.Empty).WithConcurrentBuild(false);
        var compilation = CSharpCompilation.Create(parsed.CompilationName, trees, parsed.MetadataReferences.Select(reference => MetadataReference.CreateFromFile(reference.Reference)), options);
        // Once: what the framework's generators write (imports of native functions) is no mathematics.
        var generators = parsed.AnalyzerReferences.Where(reference => reference.FilePath.Contains("Microsoft.NETCore.App.Ref", StringComparison.Ordinal))
            .SelectMany(reference => new AnalyzerFileReference(reference.FilePath, new Loader()).GetGenerators(LanguageNames.CSharp)).ToArray();
        CSharpGeneratorDriver.Create(generators, parseOptions: parse).RunGeneratorsAndUpdateCompilation(compilation, out var whole, out _);
        return new Source(directory, (CSharpCompilation)whole);
    }

    /// <summary>The files, from src/Backprop.</summary>
    public IEnumerable<string> Files => _trees.Keys;

    /// <summary>The assembly of the source as it is.</summary>
    public byte[] Original => _original;

    /// <summary>A file's syntax, and what it means.</summary>
    public (SyntaxTree Tree, SemanticModel Meaning) Read(string file) => (_trees[file], _compilation.GetSemanticModel(_trees[file]));

    /// <summary>The assembly with a batch of mutants in it.</summary>
    /// <param name="batch">The mutants.</param>
    /// <param name="refused">Those that do not compile, and are not in it.</param>
    public byte[]? Compile(Batch batch, out HashSet<Mutant> refused)
    {
        refused = [];
        var numbered = batch.Mutants.Select((mutant, i) => (Number: i + 1, Mutant: mutant)).ToList();
        while (numbered.Count > 0)
        {
            var (compilation, places) = With(numbered);
            if (Emit(compilation, out var errors) is { } assembly) return assembly;
            HashSet<Mutant> wrong = [.. errors.SelectMany(error => PlacesOf(error, places).Where(place => place.Span.IntersectsWith(error.Location.SourceSpan))).Select(place => place.Mutant)];
            if (wrong.Count == 0)
            {
                // Errors beside all mutants follow from one of them: each must try alone.
                var suspects = errors.SelectMany(error => PlacesOf(error, places)).Select(place => place.Mutant).ToHashSet();
                wrong = [.. numbered.Where(mutant => suspects.Contains(mutant.Mutant) && Emit(With([mutant]).Compilation, out _) is null).Select(mutant => mutant.Mutant)];
                if (wrong.Count == 0) wrong = suspects.Count > 0 ? suspects : [numbered[0].Mutant];
            }

            refused.UnionWith(wrong);
            numbered.RemoveAll(mutant => wrong.Contains(mutant.Mutant));
        }

        return null;
    }

    private (CSharpCompilation Compilation, Dictionary<SyntaxTree, List<(Mutant Mutant, TextSpan Span)>> Places) With(IEnumerable<(int Number, Mutant Mutant)> mutants)
    {
        var (compilation, places) = (_compilation, new Dictionary<SyntaxTree, List<(Mutant, TextSpan)>>());
        foreach (var file in mutants.GroupBy(mutant => mutant.Mutant.File))
        {
            var tree = _trees[file.Key];
            var (text, own) = Batch.Write(tree.GetText(), file);
            var mutated = CSharpSyntaxTree.ParseText(text, (CSharpParseOptions)tree.Options, tree.FilePath);
            places[mutated] = own;
            compilation = compilation.ReplaceSyntaxTree(tree, mutated);
        }

        return (compilation.AddSyntaxTrees(CSharpSyntaxTree.ParseText(Carrier.Declaration, (CSharpParseOptions)_trees.Values.First().Options)), places);
    }

    private static List<(Mutant Mutant, TextSpan Span)> PlacesOf(Diagnostic error, Dictionary<SyntaxTree, List<(Mutant Mutant, TextSpan Span)>> places) =>
        error.Location.SourceTree is { } tree && places.TryGetValue(tree, out var some) ? some : [];

    private static byte[]? Emit(CSharpCompilation compilation, out Diagnostic[] errors)
    {
        using var stream = new MemoryStream();
        var result = compilation.Emit(stream);
        errors = [.. result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)];
        return result.Success ? stream.ToArray() : null;
    }

    private sealed class Loader : IAnalyzerAssemblyLoader
    {
        public void AddDependencyLocation(string fullPath) { }

        public Assembly LoadFromPath(string fullPath) => Assembly.LoadFrom(fullPath);
    }
}
