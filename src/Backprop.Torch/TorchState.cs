using System.Globalization;
using MathNet.Numerics.LinearAlgebra;
using static TorchSharp.torch;

namespace Backprop.Torch;

/// <summary>What a model knows, to a module of TorchSharp and back, by the names of <c>state_dict</c>.</summary>
/// <remarks>
/// <para>Names and sizes must be the same on both sides, all of them; what differs is said at once, and nothing is copied then. Values are converted: a module may be in another precision than the
/// model, and on any device.</para>
/// <para>A module of any kind will do: TorchSharp's own, or one of yours that registers its parameters under the same names.</para>
/// </remarks>
/// <example>
/// <code>
/// var model = new Sequential&lt;double&gt; { { "fc", new Linear&lt;double&gt;(3, 2) }, { "norm", new BatchNorm1d&lt;double&gt;(2) } };
/// using var module = nn.Sequential(("fc", nn.Linear(3, 2)), ("norm", nn.BatchNorm1d(2)));
/// model.CopyTo(module);       // and after some training there:
/// model.CopyFrom(module);
/// </code>
/// </example>
public static class TorchState
{
    /// <summary>Gives a module the values of the layer's parameters and buffers.</summary>
    /// <param name="layer">The layer, or a whole network.</param>
    /// <param name="module">The module; in any floating-point type, on any device.</param>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <exception cref="ArgumentNullException">The layer or the module is null.</exception>
    /// <exception cref="ArgumentException">Names or sizes differ; the message has all differences. The module is as it was.</exception>
    public static void CopyTo<T>(this Layer<T> layer, nn.Module module) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var pairs = Pairs(layer, module);
        var values = new List<Tensor>();
        try
        {
            // On the device and in the type of the module first: what is done after that cannot fail.
            foreach (var (entry, tensor) in pairs)
            {
                using var here = entry.ToTensor();
                values.Add(here.to(tensor.dtype, tensor.device, copy: true));
            }

            using (no_grad())
                foreach (var ((_, tensor), value) in pairs.Zip(values)) tensor.copy_(value);
        }
        finally
        {
            foreach (var value in values) value.Dispose();
        }
    }

    /// <summary>Takes the values of the layer's parameters and buffers from a module.</summary>
    /// <param name="layer">The layer, or a whole network.</param>
    /// <param name="module">The module; in any floating-point type, on any device.</param>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <exception cref="ArgumentNullException">The layer or the module is null.</exception>
    /// <exception cref="ArgumentException">Names or sizes differ, or a parameter that several layers share has several values there; the message has all differences. The layer is as it was.</exception>
    public static void CopyFrom<T>(this Layer<T> layer, nn.Module module) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var pairs = Pairs(layer, module);
        var read = new List<(Entry<T> Entry, T[] Values)>();
        var first = new Dictionary<object, (string Name, T[] Values)>(ReferenceEqualityComparer.Instance);
        var several = new List<string>();
        foreach (var (entry, tensor) in pairs)
        {
            var values = entry.Read(tensor);
            read.Add((entry, values));
            if (!first.TryAdd(entry.Owner, (entry.Name, values)) && !first[entry.Owner].Values.AsSpan().SequenceEqual(values)) several.Add($"{entry.Name} is {first[entry.Owner].Name} here, but not there");
        }

        if (several.Count > 0) throw Differ(layer, module, several);
        foreach (var (entry, values) in read) entry.Write(values);
    }

    private static List<(Entry<T> Entry, Tensor Tensor)> Pairs<T>(Layer<T> layer, nn.Module module) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(module);
        var there = module.state_dict();
        var pairs = new List<(Entry<T>, Tensor)>();
        var differences = new List<string>();
        List<Entry<T>> here = [.. layer.NamedParameters().Select(named => new Entry<T>(named.Name, named.Parameter)), .. layer.NamedBuffers().Select(named => new Entry<T>(named.Name, named.Buffer))];
        // What several layers share, TorchSharp's state_dict may have under the first of its names only.
        var known = here.Where(entry => there.ContainsKey(entry.Name)).Select(entry => entry.Owner).ToHashSet(ReferenceEqualityComparer.Instance);
        foreach (var entry in here)
        {
            if (!there.Remove(entry.Name, out var tensor))
            {
                if (!known.Contains(entry.Owner)) differences.Add($"{entry.Name} {Sizes(entry.Shape)} is not there");
            }
            else if (!tensor.shape.SequenceEqual(entry.Shape)) differences.Add($"{entry.Name} is {Sizes(entry.Shape)} here, but {Sizes(tensor.shape)} there");
            else if (!entry.IsCount && !tensor.is_floating_point()) differences.Add($"{entry.Name} is {tensor.dtype} there");
            else pairs.Add((entry, tensor));
        }

        differences.AddRange(there.Select(rest => $"{rest.Key} {Sizes(rest.Value.shape)} is not here"));
        return differences.Count == 0 ? pairs : throw Differ(layer, module, differences);
    }

    private static ArgumentException Differ(object layer, nn.Module module, List<string> differences) =>
        new($"{layer} and the module {module.GetName()} differ: {string.Join("; ", differences)}. Nothing was copied.", nameof(module));

    private static string Sizes(IEnumerable<long> shape) => $"({string.Join(", ", shape.Select(size => size.ToString(CultureInfo.InvariantCulture)))})";

    /// <summary>A parameter or a buffer, and its name.</summary>
    private readonly struct Entry<T>(string name, object owner) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        public string Name => name;

        public object Owner => owner;

        public bool IsCount => owner is CounterBuffer<T>;

        public long[] Shape => [.. (owner is Parameter<T> parameter ? parameter.Shape : ((Buffer<T>)owner).Shape).Select(size => (long)size)];

        private Span<T> Values => owner is Parameter<T> parameter ? parameter.Values : ((Buffer<T>)owner).Values;

        /// <summary>The rows of what lies column after column; null for what has one order only.</summary>
        private int? Rows => owner switch
        {
            MatrixParameter<T> matrix => matrix.Value.RowCount,
            MatrixBuffer<T> matrix => matrix.Value.RowCount,
            _ => null,
        };

        public Tensor ToTensor()
        {
            if (owner is CounterBuffer<T> counter) return tensor(counter.Value, int64);
            using var flat = Vector<T>.Build.Dense(Values.ToArray()).ToTensor();
            if (Rows is not int rows) return flat.reshape(Shape);
            using var columns = flat.reshape(Values.Length / rows, rows);
            using var matrix = columns.t();
            return matrix.reshape(Shape);
        }

        public T[] Read(Tensor tensor)
        {
            using var values = tensor.detach();
            using var here = values.to(IsCount ? ScalarType.Float64 : TensorConversion.ScalarTypeOf<T>(), CPU, copy: true);
            if (IsCount) return [T.CreateChecked(here.item<double>())];
            if (Rows is not int rows) return Flat(here);
            using var matrix = here.reshape(rows, Values.Length / rows);
            using var columns = matrix.t();
            return Flat(columns);
        }

        public void Write(T[] values)
        {
            if (owner is CounterBuffer<T> counter) counter.Value = long.CreateSaturating(values[0]);
            else values.CopyTo(Values);
        }

        private static T[] Flat(Tensor tensor)
        {
            using var flat = tensor.reshape(-1);
            return flat.ToVector<T>().AsArray();
        }
    }
}
