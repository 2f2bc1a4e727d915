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
    /// <exception cref="ArgumentException">Names or sizes differ, two parameters here are one there, or a number is infinite in the module's type; the message has all differences. The module is as it was.</exception>
    public static void CopyTo<T>(this Layer<T> layer, nn.Module module) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var pairs = Pairs(layer, module);
        var (values, differences) = (new List<Tensor>(), new List<string>());
        var places = new Dictionary<(nint, long), Entry<T>>();
        try
        {
            // On the device and in the type of the module first: what is done after that cannot fail.
            foreach (var (entry, tensor) in pairs)
            {
                if (tensor.shape.Zip(tensor.stride(), (size, stride) => size > 1 && stride == 0).Contains(true)) differences.Add($"{entry.Name} is one number in several places there");
                else if (tensor.numel() > 0 && PlaceOf(tensor) is var place && !places.TryAdd(place, entry) && !ReferenceEquals(places[place].Owner, entry.Owner))
                    differences.Add($"{entry.Name} is {places[place].Name} there, but not here");
                using var here = entry.ToTensor();
                using var converted = here.to(tensor.dtype, copy: true);
                if (Loses(here, converted)) differences.Add($"{entry.Name} has numbers that are infinite in {tensor.dtype}");
                values.Add(converted.to(tensor.device, copy: true));
            }

            if (differences.Count > 0) throw Differ(layer, module, differences);
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
    /// <exception cref="ArgumentException">Names or sizes differ, a parameter that several layers share has several values there, or a number is infinite in the layer's type; the message has all differences. The layer is as it was.</exception>
    public static void CopyFrom<T>(this Layer<T> layer, nn.Module module) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var pairs = Pairs(layer, module);
        var read = new List<(Entry<T> Entry, T[] Values, long Count)>();
        var first = new Dictionary<object, (string Name, T[] Values)>(ReferenceEqualityComparer.Instance);
        var differences = new List<string>();
        foreach (var (entry, tensor) in pairs)
        {
            using var there = tensor.detach();
            using var here = there.to(entry.IsCount ? tensor.dtype : TensorConversion.ScalarTypeOf<T>(), CPU, copy: true);
            if (entry.IsCount)
            {
                using var number = here.to(float64);
                if (number.item<double>() is var count && !(count >= 0 && count < long.MaxValue && count == Math.Floor(count))) differences.Add(string.Create(CultureInfo.InvariantCulture, $"{entry.Name} is {count} there, and no count"));
                using var whole = here.to(int64);
                read.Add((entry, [], whole.item<long>()));
                continue;
            }

            if (Loses(there, here)) differences.Add($"{entry.Name} has numbers that are infinite in {typeof(T).Name}");
            var values = entry.Read(here);
            read.Add((entry, values, 0));
            if (!first.TryAdd(entry.Owner, (entry.Name, values)) && !first[entry.Owner].Values.AsSpan().SequenceEqual(values)) differences.Add($"{entry.Name} is {first[entry.Owner].Name} here, but not there");
        }

        if (differences.Count > 0) throw Differ(layer, module, differences);
        foreach (var (entry, values, count) in read) entry.Write(values, count);
    }

    /// <summary>Where a tensor's numbers lie.</summary>
    private static (nint, long) PlaceOf(Tensor tensor)
    {
        nint place = tensor.dtype switch
        {
            ScalarType.Float64 => tensor.storage<double>().data_ptr(),
            ScalarType.Float32 => tensor.storage<float>().data_ptr(),
            ScalarType.Int64 => tensor.storage<long>().data_ptr(),
            _ => tensor.Handle,     // of other types TorchSharp does not tell
        };
        return (place, tensor.storage_offset());
    }

    /// <summary>Whether a finite number has become infinite.</summary>
    private static bool Loses(Tensor before, Tensor after)
    {
        using var finite = before.isfinite();
        using var finiteStill = after.isfinite();
        using var there = finiteStill.to(finite.device, copy: true);
        using var same = finite.logical_not().logical_or(there);
        using var all = same.all();
        return !all.item<bool>();
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
            else if (tensor.device_type == TorchSharp.DeviceType.META) differences.Add($"{entry.Name} is on the device meta, which holds no numbers");
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

        /// <summary>The values of a tensor in this type, on the processor.</summary>
        public T[] Read(Tensor here)
        {
            if (Rows is not int rows) return Flat(here);
            using var matrix = here.reshape(rows, Values.Length / rows);
            using var columns = matrix.t();
            return Flat(columns);
        }

        public void Write(T[] values, long count)
        {
            if (owner is CounterBuffer<T> counter) counter.Value = count;
            else values.CopyTo(Values);
        }

        private static T[] Flat(Tensor tensor)
        {
            using var flat = tensor.reshape(-1);
            return flat.ToVector<T>().AsArray();
        }
    }
}
