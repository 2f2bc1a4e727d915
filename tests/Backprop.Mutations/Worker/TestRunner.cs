using System.Collections;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

namespace Backprop.Mutations;

/// <summary>Finds and runs the suite's tests by their attributes, one after the other, in the order wanted: a runner that starts in no time.</summary>
/// <remarks>
/// It knows facts, theories with any data attribute, constructors that want the output, disposal and asynchronous tests. What else a test may want (fixtures) it does not know;
/// such a test fails on the source as it is, too, and is then left out and named.
/// </remarks>
internal sealed class TestRunner(Assembly tests)
{
    private readonly Dictionary<MethodInfo, object?[][]> _rows = [];

    /// <summary>All tests.</summary>
    public IEnumerable<TestCase> All() =>
        from type in tests.GetExportedTypes()
        where type is { IsAbstract: false, IsClass: true, ContainsGenericParameters: false }
        from method in type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static)
        where !method.ContainsGenericParameters && method.GetCustomAttributes().OfType<IFactAttribute>().Any(fact => fact is { Skip: null, Explicit: false })
        from row in Safely(method).Index()
        select new TestCase(type.FullName!, method.Name, row.Index, string.Join(", ", row.Item.Select(Text)));

    /// <summary>Runs one test.</summary>
    public TestResult Run(TestCase test)
    {
        var clock = Stopwatch.StartNew();
        string? failure = null;
        try
        {
            var type = tests.GetType(test.Class, throwOnError: true)!;
            var method = type.GetMethod(test.Method)!;
            Invoke(type, method, Rows(method)[test.Row]);
        }
        catch (Exception exception)
        {
            var cause = exception;
            while (cause is TargetInvocationException or TypeInitializationException && cause.InnerException is not null) cause = cause.InnerException;
            failure = $"{cause.GetType().Name}: {cause.Message}";
        }

        return new TestResult(test, clock.Elapsed.TotalMilliseconds, failure);
    }

    private static void Invoke(Type type, MethodInfo method, object?[] row)
    {
        var constructor = type.GetConstructors().Single();
        var instance = method.IsStatic ? null : constructor.Invoke([.. constructor.GetParameters().Select(parameter => parameter.ParameterType == typeof(ITestOutputHelper) ? (object)new NoOutput() : throw new NotSupportedException($"{type} wants {parameter}."))]);
        try
        {
            (instance as IAsyncLifetime)?.InitializeAsync().AsTask().GetAwaiter().GetResult();
            var result = method.Invoke(instance, Fit(row, method.GetParameters()));
            if (result is Task task) task.GetAwaiter().GetResult();
            else if (result is ValueTask valueTask) valueTask.AsTask().GetAwaiter().GetResult();
        }
        finally
        {
            if (instance is IAsyncDisposable asynchronous) asynchronous.DisposeAsync().AsTask().GetAwaiter().GetResult();
            else (instance as IDisposable)?.Dispose();
        }
    }

    // Literals of attributes are int where the test wants double?, and the last ones may be missing.
    private static object?[] Fit(object?[] row, ParameterInfo[] parameters) => [.. parameters.Select((parameter, i) =>
        i >= row.Length ? parameter.DefaultValue
        : row[i] is IConvertible value && Nullable.GetUnderlyingType(parameter.ParameterType) is { IsEnum: false } wanted ? Convert.ChangeType(value, wanted, CultureInfo.InvariantCulture)
        : row[i])];

    // A mutant may break the making of the data itself; then there is one row, and running it says so.
    private object?[][] Safely(MethodInfo method)
    {
        try
        {
            return Rows(method);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return [[]];
        }
    }

    private object?[][] Rows(MethodInfo method)
    {
        if (_rows.TryGetValue(method, out var known)) return known;
        if (method.GetParameters().Length == 0) return _rows[method] = [[]];
        var tracker = new DisposalTracker();
        return _rows[method] = [.. method.GetCustomAttributes().OfType<IDataAttribute>().SelectMany(data => data is MemberDataAttributeBase member
            ? Member(member, method)
            : data.GetData(method, tracker).AsTask().GetAwaiter().GetResult().Select(row => row.GetData()))];
    }

    // As xUnit reads a member; asked outside of its own run, its attribute gives nothing.
    private static IEnumerable<object?[]> Member(MemberDataAttributeBase data, MethodInfo method)
    {
        const BindingFlags Static = BindingFlags.Public | BindingFlags.Static | BindingFlags.FlattenHierarchy;
        var type = data.MemberType ?? method.ReflectedType!;
        var value = type.GetProperty(data.MemberName, Static)?.GetValue(null) ?? type.GetField(data.MemberName, Static)?.GetValue(null)
            ?? type.GetMethod(data.MemberName, Static)?.Invoke(null, data.Arguments) ?? throw new MissingMemberException(type.FullName, data.MemberName);
        return ((IEnumerable)value).Cast<object>().Select(row => row switch
        {
            ITheoryDataRow typed => typed.GetData(),
            object?[] array => array,
            ITuple tuple => [.. Enumerable.Range(0, tuple.Length).Select(i => tuple[i])],
            _ => [row],
        });
    }

    private static string Text(object? value) => value switch
    {
        null => "null",
        Delegate => "...",
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };

    private sealed class NoOutput : ITestOutputHelper
    {
        public string Output => "";

        public void Write(string message) { }

        public void Write(string format, params object[] args) { }

        public void WriteLine(string message) { }

        public void WriteLine(string format, params object[] args) { }
    }
}
