using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Text;
using System.Text.Json;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>What the classes 0, 1, 2, ... are called: names to indices, for targets, and back, for predictions.</summary>
/// <remarks>A model file can keep them: <c>model.Save(path, classes: classes)</c>, and <c>ModelFile.ReadClasses(path)</c> or what <c>model.Load(path)</c> returns.</remarks>
/// <example>
/// <code>
/// var classes = Classes.From(["setosa", "virginica", "versicolor", "setosa"]);
/// Console.WriteLine(classes);                                         // setosa, versicolor, virginica
/// Matrix&lt;double&gt; y = classes.ToTargets&lt;double&gt;(["virginica", "setosa"]);    // 2, 0
/// </code>
/// </example>
/// <threadsafety>Any number of threads at once.</threadsafety>
[SuppressMessage("Naming", "CA1710:Identifiers should have correct suffix", Justification = "They are the classes.")]
public sealed class Classes : IReadOnlyList<string>
{
    private readonly string[] _names;
    private readonly Dictionary<string, int> _indices;

    /// <summary>Takes names in the order of their indices.</summary>
    /// <param name="names">The names; at least one, each once.</param>
    /// <exception cref="ArgumentNullException"><paramref name="names"/> is null.</exception>
    /// <exception cref="ArgumentException">There is none, one is null, or one comes twice.</exception>
    public Classes(params IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        _names = [.. names];
        if (_names.Length == 0) throw new ArgumentException("Classes expects at least one name, but there is none.", nameof(names));
        _indices = new(_names.Length, StringComparer.Ordinal);
        for (var i = 0; i < _names.Length; i++)
        {
            if (_names[i] is null) throw new ArgumentException($"Classes expects names, but that of class {i} is null.", nameof(names));
            if (!_indices.TryAdd(_names[i], i)) throw new ArgumentException($"Classes expects each name once, but classes {_indices[_names[i]]} and {i} are both called \"{_names[i]}\".", nameof(names));
        }
    }

    /// <summary>Finds the classes of data: each label once, in ordinal order, so that the order in which they come does not matter.</summary>
    /// <param name="labels">A label for each sample.</param>
    /// <exception cref="ArgumentNullException"><paramref name="labels"/> is null.</exception>
    /// <exception cref="ArgumentException">There is none, or one is null.</exception>
    public static Classes From(IEnumerable<string> labels) => new(Expect.NotNull(labels).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));

    /// <summary>How many there are.</summary>
    public int Count => _names.Length;

    /// <summary>The name of a class.</summary>
    /// <param name="index">The class, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such class.</exception>
    public string this[int index] => index >= 0 && index < _names.Length
        ? _names[index]
        : throw new ArgumentOutOfRangeException(nameof(index), Invariant($"{index}"), $"Classes expects an index from 0 to {_names.Length - 1}.");

    /// <summary>The class that has a name.</summary>
    /// <param name="name">The name; compared letter for letter.</param>
    /// <exception cref="ArgumentNullException"><paramref name="name"/> is null.</exception>
    /// <exception cref="ArgumentException">No class has it.</exception>
    public int IndexOf(string name) => TryIndexOf(name, out var index) ? index : throw new ArgumentException($"Classes expects one of {this}, but the name is \"{name}\".", nameof(name));

    /// <summary>The class that has a name, if there is one.</summary>
    /// <param name="name">The name; compared letter for letter.</param>
    /// <param name="index">Receives the class.</param>
    /// <exception cref="ArgumentNullException"><paramref name="name"/> is null.</exception>
    public bool TryIndexOf(string name, out int index) => _indices.TryGetValue(Expect.NotNull(name), out index);

    /// <summary>Targets for a loss of classes: a column with the class of each sample.</summary>
    /// <param name="labels">A label for each sample.</param>
    /// <exception cref="ArgumentNullException"><paramref name="labels"/> is null.</exception>
    /// <exception cref="ArgumentException">There is none, or one is no class.</exception>
    public Matrix<T> ToTargets<T>(IEnumerable<string> labels) where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] indices = [.. Expect.NotNull(labels).Select(label => T.CreateChecked(IndexOf(label)))];
        return indices.Length > 0 ? Matrix<T>.Build.Dense(indices.Length, 1, indices) : throw new ArgumentException("Classes expects at least one label, but there is none.", nameof(labels));
    }

    /// <summary>What predictions say: the name of each row's largest column, the lower one of equals.</summary>
    /// <param name="prediction">A row for each sample, a column for each class; dense.</param>
    /// <exception cref="ArgumentNullException"><paramref name="prediction"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="prediction"/> is not dense, has another number of columns, or holds NaN.</exception>
    public string[] NamesOf<T>(Matrix<T> prediction) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Operand.Dense("Classes", prediction, nameof(prediction));
        if (prediction.ColumnCount != Count) throw new ArgumentException($"Classes expects {Count} columns, one for each class, but prediction is {Operand.Shape(prediction)}.", nameof(prediction));
        var names = new string[prediction.RowCount];
        for (var i = 0; i < names.Length; i++) names[i] = _names[Labels.Largest("Classes", prediction, nameof(prediction), i)];
        return names;
    }

    /// <summary>The likeliest classes of one sample, with their probabilities, the likeliest first, the lower one of equals.</summary>
    /// <param name="prediction">What the model says of the sample: a value for each class; or a single one, of which class 1 of two is told.</param>
    /// <param name="count">How many classes, at least 1; all where there are fewer.</param>
    /// <param name="logits">Whether these are logits, of which softmax, or sigmoid, makes probabilities; else they are probabilities, and shown as they are.</param>
    /// <exception cref="ArgumentException">There are other than so many values, or one is NaN.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is below 1.</exception>
    public IReadOnlyList<ClassProbability> Top<T>(ReadOnlySpan<T> prediction, int count = 5, bool logits = true) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Expect.Positive("Top", count, nameof(count));
        if (prediction.Length != Count && (prediction.Length, Count) != (1, 2)) throw new ArgumentException(Invariant($"Classes expects {Count} values, one for each class, but prediction has {prediction.Length}."), nameof(prediction));
        var p = new double[Count];
        for (var i = 0; i < prediction.Length; i++)
            p[i] = !T.IsNaN(prediction[i]) ? double.CreateTruncating(prediction[i]) : throw new ArgumentException($"Classes expects numbers, but the value of {_names[i]} is NaN.", nameof(prediction));
        if (!logits && Array.Find(p, value => value is not (>= 0 and <= 1)) is var wrong and not 0)
            throw new ArgumentException(Invariant($"Classes expects probabilities from 0 to 1, but one is {wrong}; of logits they are made with logits: true."), nameof(prediction));
        if ((prediction.Length, Count) == (1, 2))
        {
            var one = logits ? 1 / (1 + Math.Exp(-p[0])) : p[0];
            (p[0], p[1]) = (logits ? 1 / (1 + Math.Exp(p[0])) : 1 - one, one);
        }
        else if (logits)
        {
            // An infinite logit is certain; several share it.
            var max = p.Max();
            for (var i = 0; i < p.Length; i++) p[i] = p[i] == max ? 1 : Math.Exp(p[i] - max);
            var sum = p.Sum();
            for (var i = 0; i < p.Length; i++) p[i] /= sum;
        }

        return [.. p.Index().OrderByDescending(of => of.Item).Take(count).Select(of => new ClassProbability(of.Index, _names[of.Index], of.Item))];
    }

    /// <inheritdoc cref="Top{T}(ReadOnlySpan{T}, int, bool)"/>
    /// <exception cref="ArgumentNullException"><paramref name="prediction"/> is null.</exception>
    public IReadOnlyList<ClassProbability> Top<T>(MathNet.Numerics.LinearAlgebra.Vector<T> prediction, int count = 5, bool logits = true) where T : unmanaged, IFloatingPointIeee754<T> =>
        Top<T>(Expect.NotNull(prediction).ToArray(), count, logits);

    /// <summary>The likeliest classes of each row of predictions.</summary>
    /// <inheritdoc cref="Top{T}(ReadOnlySpan{T}, int, bool)"/>
    /// <exception cref="ArgumentNullException"><paramref name="prediction"/> is null.</exception>
    public IReadOnlyList<IReadOnlyList<ClassProbability>> Top<T>(Matrix<T> prediction, int count = 5, bool logits = true) where T : unmanaged, IFloatingPointIeee754<T> =>
        [.. Expect.NotNull(prediction).EnumerateRows().Select(row => Top<T>(row.ToArray(), count, logits))];

    /// <summary>The names, in their order.</summary>
    public IEnumerator<string> GetEnumerator() => ((IEnumerable<string>)_names).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The names, the first ten of many.</summary>
    public override string ToString() => string.Join(", ", _names.Take(10)) + (Count > 10 ? $", ... ({Count})" : "");

    /// <summary>The names as a JSON array.</summary>
    internal string ToJson()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartArray();
            foreach (var name in _names) json.WriteStringValue(name);
            json.WriteEndArray();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    internal static Classes FromJson(string text, string source)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            return new(json.RootElement.EnumerateArray().Select(name => name.GetString()!));
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new InvalidDataException($"{source} is damaged: its classes are no list of different names.", exception);
        }
    }
}
