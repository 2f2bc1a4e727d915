using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using System.Text.Json;

namespace Backprop.Mutations;

/// <summary>The child process: runs tests on one mutant after the other, and stays warm.</summary>
/// <remarks>What a mutant breaks it breaks here: a crash or an endless loop costs no more than a new child.</remarks>
internal static class WorkerLoop
{
    /// <summary>The first argument of a child.</summary>
    public const string Argument = "worker";

    /// <summary>Answers requests, line by line, until there are no more.</summary>
    /// <param name="tests">The directory of the tests as built.</param>
    public static int Run(string tests)
    {
        AppContext.SetData("APP_CONTEXT_BASE_DIRECTORY", tests + Path.DirectorySeparatorChar); // where the fixtures are
        AssemblyLoadContext.Default.Resolving += (context, name) => File.Exists(Path.Combine(tests, name.Name + ".dll")) ? context.LoadFromAssemblyPath(Path.Combine(tests, name.Name + ".dll")) : null;
        var answers = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
        Console.SetOut(TextWriter.Null);
        (string Assembly, int Mutant, TestRunner Runner) current = ("", 0, null!);
        while (Console.ReadLine() is { } line)
        {
            var request = JsonSerializer.Deserialize<Request>(line)!;
            if ((request.Assembly, request.Mutant) != (current.Assembly, current.Mutant)) current = (request.Assembly, request.Mutant, new TestRunner(Load(request.Assembly, request.Mutant, tests)));
            answers.WriteLine(JsonSerializer.Serialize(request.Tests is null ? [.. current.Runner.All().Select(test => new TestResult(test, 0, null))] : Results(current.Runner, request.Tests, request.StopOnFailure)));
        }

        return 0;
    }

    private static Assembly Load(string library, int mutant, string tests)
    {
        var context = new MutantContext(library, tests);
        // Read at once: from then on it is a constant to the compiler.
        Environment.SetEnvironmentVariable(Carrier.Variable, mutant.ToString(CultureInfo.InvariantCulture));
        if (context.LoadFromAssemblyPath(library).GetType("Backprop.ActiveMutant") is { } number) RuntimeHelpers.RunClassConstructor(number.TypeHandle);
        return context.LoadFromAssemblyPath(Path.Combine(tests, "Backprop.Tests.dll"));
    }

    private static List<TestResult> Results(TestRunner runner, IReadOnlyList<TestCase> tests, bool stopOnFailure)
    {
        var results = new List<TestResult>();
        foreach (var test in tests)
        {
            results.Add(runner.Run(test));
            if (stopOnFailure && results[^1].Failure is not null) break;
        }

        return results;
    }
}
