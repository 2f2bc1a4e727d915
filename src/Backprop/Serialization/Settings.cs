using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>
/// What a layer, loss, metric or scheduler was made with: names and values, which must be the same where a training goes on from a checkpoint.
/// </summary>
/// <remarks>
/// <para>Its type and its <see cref="object.ToString"/> are there without being added, and the reduction of a loss. Unless <c>Describe</c> is overridden, so are the values of all fields
/// that never change: <c>readonly</c> ones, properties without a setter, and constructor parameters that are used later; if they are numbers, yes or no, texts,
/// enumerations, tuples, or arrays, lists, vectors or matrices of numbers. Parameters, buffers, children and generators are looked after elsewhere; what may change is
/// state, and no setting.</para>
/// <para>Override <c>Describe</c> where a setting is something else, or where a <c>readonly</c> array is a place to work in; names then stay
/// what they are when a field is renamed, and older checkpoints still fit.</para>
/// </remarks>
/// <example>
/// <code>
/// public sealed class Close(double distance) : Metric&lt;double&gt;
/// {
///     public override string Name => "close";
///
///     protected override void Describe(Settings settings) => settings.Add("distance", distance);
///
///     protected override double Measure(Matrix&lt;double&gt; prediction, Matrix&lt;double&gt; target) =>
///         (prediction - target).Enumerate().Average(d => Math.Abs(d) &lt; distance ? 1.0 : 0.0);
/// }
/// </code>
/// </example>
public sealed class Settings
{
    internal const DynamicallyAccessedMemberTypes Fields = DynamicallyAccessedMemberTypes.PublicFields | DynamicallyAccessedMemberTypes.NonPublicFields;

    private const int MostInFull = 16;                      // longer lists are told by their hash
    private const int Deepest = 8;                          // a loss around a loss around a loss
    private readonly OrderedDictionary<string, string> _texts = [];
    private readonly string _prefix;
    private readonly int _depth;

    private Settings(string prefix, int depth) => (_prefix, _depth) = (prefix, depth);

    /// <summary>The same settings, under names of their own.</summary>
    internal Settings Part(string name) => new(_texts, $"{_prefix}{name} ", _depth);

    private Settings(OrderedDictionary<string, string> texts, string prefix, int depth) : this(prefix, depth) => _texts = texts;

    /// <summary>Adds a number.</summary>
    /// <param name="name">Its name, new here.</param>
    /// <param name="value">Its value.</param>
    /// <exception cref="ArgumentException">The name is taken, by another value.</exception>
    public void Add(string name, double value) => AddText(name, value.ToString(CultureInfo.InvariantCulture));

    /// <inheritdoc cref="Add(string, double)"/>
    public void Add(string name, long value) => AddText(name, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>Adds a number that may be missing.</summary>
    /// <inheritdoc cref="Add(string, double)"/>
    public void Add(string name, double? value) => AddText(name, value?.ToString(CultureInfo.InvariantCulture) ?? "none");

    /// <summary>Adds a choice.</summary>
    /// <inheritdoc cref="Add(string, double)"/>
    public void Add(string name, bool value) => AddText(name, value ? "yes" : "no");

    /// <summary>Adds one of several choices.</summary>
    /// <inheritdoc cref="Add(string, double)"/>
    public void Add(string name, Enum value) => AddText(name, Signature.Choice(value));

    /// <summary>Adds a text.</summary>
    /// <inheritdoc cref="Add(string, double)"/>
    public void Add(string name, string? value) => AddText(name, value ?? "none");

    /// <summary>Adds numbers, by value: all of them count, also where there are too many to be told one by one.</summary>
    /// <param name="name">Their name, new here.</param>
    /// <param name="values">The numbers.</param>
    /// <exception cref="ArgumentException">The name is taken, by another value.</exception>
    public void Add<TNumber>(string name, ReadOnlySpan<TNumber> values) where TNumber : INumberBase<TNumber> => AddText(name, TextOf(values));

    /// <summary>A scheduler that this one is made of, with its own settings.</summary>
    /// <param name="name">The setting's name.</param>
    /// <param name="scheduler">The scheduler.</param>
    /// <exception cref="ArgumentNullException"><paramref name="scheduler"/> is null.</exception>
    public void Add(string name, LRScheduler scheduler) => AddPart(name, Expect.NotNull(scheduler));

    /// <summary>Type, text and settings of an object, and those of what it holds, with their names.</summary>
    /// <param name="described">The object.</param>
    internal static IReadOnlyDictionary<string, string> Of(IDescribed described) => Of(described, withText: true, "", 0)._texts;

    /// <summary>The same for a layer with children: their texts are told where they are.</summary>
    internal static IReadOnlyDictionary<string, string> Of<T>(Layer<T> layer) where T : unmanaged, IFloatingPointIeee754<T> =>
        Of(layer, withText: layer.Children.Count == 0, "", 0)._texts;

    /// <summary>A type's name, without versions and paths; float and double are told elsewhere.</summary>
    internal static string NameOf(Type type)
    {
        string name = type.Name.Split('`')[0];
        name = type.DeclaringType is { } outer ? $"{NameOf(outer)}.{name}" : type.Namespace is { Length: > 0 } space ? $"{space}.{name}" : name;
        string[] arguments = [.. type.GetGenericArguments().Where(argument => !argument.IsGenericParameter && argument != typeof(float) && argument != typeof(double)).Select(NameOf)];
        return arguments.Length == 0 ? name : $"{name}<{string.Join(", ", arguments)}>";
    }

    /// <summary>Adds the values of all fields that never change.</summary>
    /// <param name="owner">The object.</param>
    /// <param name="contract">The library's base class, whose own fields are none of the author's.</param>
    internal void AddFields(IDescribed owner, Type contract)
    {
        foreach (FieldInfo field in FieldsOf(owner, contract))
        {
            string name = SettingOf(field.Name);
            if (_texts.ContainsKey(_prefix + name)) name = $"{field.DeclaringType!.Name.Split('`')[0]}.{name}";        // a base class's, of the same name
            if (field.IsInitOnly || IsCaptured(field.Name)) AddNew(name, field.GetValue(owner), field.FieldType);
        }
    }

    /// <summary>Adds the constants of a formula, which are the fields of a struct; not those that its owner has under the same name.</summary>
    internal void AddConstants<[DynamicallyAccessedMembers(Fields)] TFunction>(TFunction function) where TFunction : struct
    {
        foreach (FieldInfo field in typeof(TFunction).GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
            AddNew(SettingOf(field.Name), field.GetValue(function), field.FieldType);
    }

    /// <summary>Whether an object's class was written outside of the library.</summary>
    internal static bool IsForeign(IDescribed owner) => owner.GetType().Assembly != typeof(Settings).Assembly;

    /// <summary>The fields of an object, its own and its base classes', up to the library's.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2075", Justification =
        "All types up to the contract implement the interface, and its attribute keeps their fields; a field that were missing would only make the comparison coarser.")]
    internal static IEnumerable<FieldInfo> FieldsOf(IDescribed owner, Type contract)
    {
        for (Type? at = owner.GetType(); at is not null && at != contract && at != typeof(object); at = at.BaseType)
            foreach (FieldInfo field in at.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)) yield return field;
    }

    private static Settings Of(IDescribed described, bool withText, string prefix, int depth)
    {
        var settings = new Settings(prefix, depth);
        settings.AddText("type", NameOf(described.GetType()));
        if (withText && described.ToString() is string text && !IsName(text, described.GetType())) settings.AddText("text", text);
        described.Describe(settings);
        return settings;
    }

    /// <summary>Whether a text says no more than the type: <c>StepLR</c>, <c>Tanh()</c>, or what objects say by themselves.</summary>
    private static bool IsName(string text, Type type) => text == type.ToString() || text.AsSpan().TrimEnd("()").SequenceEqual(type.Name.Split('`')[0]);

    private void AddText(string name, string text)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        text = Printable(text);
        if (!_texts.TryAdd(_prefix + name, text) && _texts[_prefix + name] != text)
            throw new ArgumentException($"The setting \"{name}\" is there already; settings have names that are different from each other.", nameof(name));
    }

    private void AddPart(string name, IDescribed part)
    {
        if (_depth == Deepest) return;
        foreach (var (key, text) in Of(part, withText: true, $"{_prefix}{name} ", _depth + 1)._texts) _texts.TryAdd(key, text);
    }

    private void AddNew(string name, object? value, Type declared)
    {
        if (!_texts.ContainsKey(_prefix + name)) AddValue(name, value, declared);
    }

    private void AddValue(string name, object? value, Type declared)
    {
        if (value is IDescribed part && !IsLayer(value.GetType()))
        {
            AddPart(name, part);
        }
        else if (value is IDescribed?[] parts && !IsLayer(parts.GetType().GetElementType()!))
        {
            for (int i = 0; i < parts.Length; i++) AddValue($"{name}.{i.ToString(CultureInfo.InvariantCulture)}", parts[i], typeof(IDescribed));
        }
        else if (TextOf(value, declared) is string text)
        {
            AddText(name, text);
        }
    }

    /// <summary>A setting's value as a text; null where it is none.</summary>
    private static string? TextOf(object? value, Type declared) => value switch
    {
        null => Nullable.GetUnderlyingType(declared) is not null || declared == typeof(string) || declared.IsArray ? "none" : null,
        string text => text,
        Enum choice => Signature.Choice(choice),
        bool yes => yes ? "yes" : "no",
        char character => character.ToString(),
        double[] numbers => TextOf<double>(numbers),
        float[] numbers => TextOf<float>(numbers),
        int[] numbers => TextOf<int>(numbers),
        long[] numbers => TextOf<long>(numbers),
        byte[] numbers => TextOf<byte>(numbers),
        MathNet.Numerics.LinearAlgebra.Vector<double> vector => TextOf<double>(vector.ToArray()),
        MathNet.Numerics.LinearAlgebra.Vector<float> vector => TextOf<float>(vector.ToArray()),
        Matrix<double> matrix => TextOf(matrix),
        Matrix<float> matrix => TextOf(matrix),
        ITuple tuple => TextOf(tuple),
        IFormattable number when number.GetType().IsValueType => number.ToString(null, CultureInfo.InvariantCulture),
        IEnumerable<double> numbers when IsList(value) => TextOf<double>([.. numbers]),
        IEnumerable<float> numbers when IsList(value) => TextOf<float>([.. numbers]),
        IEnumerable<int> numbers when IsList(value) => TextOf<int>([.. numbers]),
        IEnumerable<long> numbers when IsList(value) => TextOf<long>([.. numbers]),
        Array array => TextOf(array),
        IEnumerable<string> texts when IsList(value) => $"[{string.Join(", ", texts)}]",
        _ => null,
    };

    private static bool IsList(object value) => value is IList or IReadOnlyList<double> or IReadOnlyList<float> or IReadOnlyList<int> or IReadOnlyList<long> or IReadOnlyList<string>;

    private static string TextOf<TNumber>(ReadOnlySpan<TNumber> values) where TNumber : INumberBase<TNumber>
    {
        var texts = new string[values.Length];
        for (int i = 0; i < texts.Length; i++) texts[i] = values[i].ToString(null, CultureInfo.InvariantCulture);
        return Join(texts, "");
    }

    private static string TextOf<TNumber>(Matrix<TNumber> matrix) where TNumber : struct, INumberBase<TNumber> =>
        $"{Operand.Shape(matrix)} {TextOf<TNumber>(matrix.ToColumnMajorArray())}";

    /// <summary>Any other array, also of several dimensions, whose elements are settings.</summary>
    private static string? TextOf(Array array)
    {
        var texts = new List<string>();
        foreach (object? element in array)
        {
            if (TextOf(element, typeof(object)) is not string text) return null;
            texts.Add(text);
        }
        return Join([.. texts], array.Rank == 1 ? "" : $"{string.Join("x", Enumerable.Range(0, array.Rank).Select(array.GetLength))} ");
    }

    private static string? TextOf(ITuple tuple)
    {
        var texts = new string?[tuple.Length];
        for (int i = 0; i < texts.Length; i++) texts[i] = TextOf(tuple[i], typeof(object)) ?? "?";
        return $"({string.Join(", ", texts)})";
    }

    private static string Join(string[] texts, string size) => texts.Length <= MostInFull
        ? $"{size}[{string.Join(", ", texts)}]"
        : $"{size}[{texts.Length} values, {Hash(string.Join('\n', texts))}]";

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 8));

    /// <summary>A field as its author would call it: of <c>_slope</c>, <c>&lt;Slope&gt;k__BackingField</c> and <c>&lt;slope&gt;P</c>, the slope.</summary>
    internal static string SettingOf(string field)
    {
        string name = field.StartsWith('<') ? field[1..field.IndexOf('>', StringComparison.Ordinal)] : field.TrimStart('_');
        return name.Length == 0 ? field : char.ToLowerInvariant(name[0]) + name[1..];
    }

    /// <summary>Whether a field is a parameter of a primary constructor: <c>&lt;slope&gt;P</c>.</summary>
    private static bool IsCaptured(string field) => field.StartsWith('<') && field.EndsWith(">P", StringComparison.Ordinal);

    private static bool IsLayer(Type type)
    {
        for (Type? at = type; at is not null; at = at.BaseType)
            if (at.IsGenericType && at.GetGenericTypeDefinition() == typeof(Layer<>)) return true;
        return false;
    }

    /// <summary>A text that a file can hold: without null characters and halves of surrogate pairs.</summary>
    private static string Printable(string text)
    {
        var printable = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes()) printable.Append(rune.Value == 0 ? "\\0" : rune.ToString());
        return printable.ToString();
    }
}
