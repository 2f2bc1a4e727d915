using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Reflection;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>
/// Copies layers with all that they hold. What stands in several places, as a tied parameter does, is copied once. What can be changed is copied, what cannot is shared; a field of
/// which neither is known is the layer's own business (<see cref="Layer{T}.CloneField"/>).
/// </summary>
internal sealed class Cloning<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Dictionary<object, object> _copies = new(ReferenceEqualityComparer.Instance);
    private readonly List<string> _path = [];

    /// <summary>The copy of something, where there is one already.</summary>
    internal object? Find(object original) => _copies.GetValueOrDefault(original);

    internal void Add(object original, object copy) => _copies.Add(original, copy);

    /// <summary>Copies what the fields of a layer hold, down to those of the library's base class.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="copy">Its copy, which shares them so far.</param>
    /// <param name="askLayer">Asks the layer for a copy of a field's value.</param>
    internal void CopyFields(Layer<T> layer, Layer<T> copy, Func<string, object, object?> askLayer)
    {
        foreach (var field in Settings.FieldsOf(layer, typeof(Layer<T>)))
        {
            if (field.GetValue(layer) is not { } value) continue;
            var name = Settings.SettingOf(field.Name);
            if (!TryCopy(value, out var own)) own = Ask(askLayer, name, value);
            if (ReferenceEquals(own, value)) continue;
            if (own is not null && !field.FieldType.IsInstanceOfType(own))
                throw new InvalidOperationException($"{Where}{layer} expects its CloneField to give a {Settings.NameOf(field.FieldType)} for {name}, but it gave a {Settings.NameOf(own.GetType())}.");
            field.SetValue(copy, own);
        }
    }

    internal NamedLayer<T> Of(NamedLayer<T> child)
    {
        _path.Add(child.Name);
        var copy = new NamedLayer<T>(child.Name, Of(child.Layer));
        _path.RemoveAt(_path.Count - 1);
        return copy;
    }

    private string Where => _path.Count == 0 ? "" : $"{string.Join('.', _path)}: ";

    private object? Ask(Func<string, object, object?> layer, string field, object value)
    {
        try
        {
            return layer(field, value);
        }
        catch (NotSupportedException exception) when (_path.Count > 0)
        {
            throw new NotSupportedException(Where + exception.Message, exception);
        }
    }

    internal Layer<T> Of(Layer<T> layer) => layer.CloneWith(this);

    internal Parameter<T> Of(Parameter<T> parameter) => (Parameter<T>)Once(parameter, () =>
    {
        Parameter<T> copy = parameter is MatrixParameter<T> matrix
            ? new MatrixParameter<T>(matrix.Name, matrix.Value.RowCount, matrix.Value.ColumnCount, [.. matrix.Shape])
            : new VectorParameter<T>(parameter.Name, parameter.Count, [.. parameter.Shape]);
        parameter.Values.CopyTo(copy.Values);
        copy.Frozen = parameter.Frozen;
        return copy;
    });

    internal Buffer<T> Of(Buffer<T> buffer) => (Buffer<T>)Once(buffer, () =>
    {
        Buffer<T> copy = buffer switch
        {
            MatrixBuffer<T> matrix => new MatrixBuffer<T>(matrix.Name, matrix.Value.RowCount, matrix.Value.ColumnCount, default, [.. matrix.Shape]),
            CounterBuffer<T> counter => new CounterBuffer<T>(counter.Name) { Value = counter.Value },
            _ => new VectorBuffer<T>(buffer.Name, buffer.Values.Length, default, [.. buffer.Shape]),
        };
        buffer.Values.CopyTo(copy.Values);
        copy.Frozen = buffer.Frozen;
        return copy;
    });

    // The default one is the process's, here as there.
    internal Generator Of(Generator generator) => ReferenceEquals(generator, Generator.Default) ? generator : (Generator)Once(generator, () =>
    {
        var copy = new Generator(generator.Seed);
        copy.SetState(generator.GetState());
        return copy;
    });

    private object Once(object value, Func<object> copy) => _copies.TryGetValue(value, out var known) ? known : _copies[value] = copy();

    private bool TryCopy(object? value, out object? copy)
    {
        copy = value switch
        {
            Layer<T> layer => Of(layer),
            NamedLayer<T> child => Of(child),
            NamedParameter<T> named => new NamedParameter<T>(named.Name, Of(named.Parameter)),
            Parameter<T> parameter => Of(parameter),
            Buffer<T> buffer => Of(buffer),
            Generator generator => Of(generator),
            Matrix<double> matrix => Once(matrix, matrix.Clone),
            Matrix<float> matrix => Once(matrix, matrix.Clone),
            MathNet.Numerics.LinearAlgebra.Vector<double> vector => Once(vector, vector.Clone),
            MathNet.Numerics.LinearAlgebra.Vector<float> vector => Once(vector, vector.Clone),
            List<Layer<T>> list when IsExactly(list) => CopyOf(list, Of),
            List<NamedLayer<T>> list when IsExactly(list) => CopyOf(list, Of),
            List<Parameter<T>> list when IsExactly(list) => CopyOf(list, Of),
            List<Buffer<T>> list when IsExactly(list) => CopyOf(list, Of),
            List<double> list when IsExactly(list) => CopyOf(list, static one => one),
            List<float> list when IsExactly(list) => CopyOf(list, static one => one),
            List<int> list when IsExactly(list) => CopyOf(list, static one => one),
            List<string> list when IsExactly(list) => CopyOf(list, static one => one),
            Array array => CopyOf(array),
            _ => value,
        };
        return !ReferenceEquals(copy, value) || IsImmutable(value);
    }

    private static bool IsExactly<TItem>(List<TItem> list) => list.GetType() == typeof(List<TItem>);

    private object CopyOf<TItem>(List<TItem> list, Func<TItem, TItem> copyItem)
    {
        if (_copies.TryGetValue(list, out var known)) return known;
        var copy = new List<TItem>(list.Count);
        _copies.Add(list, copy);        // before its items, which may hold it
        copy.AddRange(list.Select(copyItem));
        return copy;
    }

    private object? CopyOf(Array array)
    {
        if (_copies.TryGetValue(array, out var known)) return known;
        if (array.Rank != 1) return array;
        var copy = (Array)array.Clone();
        _copies.Add(array, copy);       // before its items, which may hold it
        if (array.GetType().GetElementType()!.IsPrimitive) return copy;
        for (var i = 0; i < array.Length; i++)
        {
            if (TryCopy(array.GetValue(i), out var own)) copy.SetValue(own, i);
            else
            {
                _copies.Remove(array);
                return array;
            }
        }

        return copy;
    }

    /// <summary>Whether a copy would never be told from the value itself.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2072", Justification = "Fields that are missing make a struct or a closure look harmless only where code is compiled at run time, and there none are missing.")]
    private static bool IsImmutable(object? value) => value switch
    {
        IImmutable => true,
        null or string or Type or Enum or decimal or Half or BigInteger or Complex or Index or Range or Guid or DateTime or DateTimeOffset or DateOnly or TimeOnly or TimeSpan => true,
        Loss<T> or Metric<T> => true,           // which keep nothing between calls
        Generator => true,                      // the default one
        Array array => array.Length == 0,
        ITuple tuple => Enumerable.Range(0, tuple.Length).All(i => IsImmutable(tuple[i])),
        // A function that has caught something may change it, or reach back into the layer that it was made for.
        Delegate function => Array.TrueForAll(function.GetInvocationList(), one => one.Target is not { } caught || HasCaughtNothing(caught.GetType())),
        ValueType => value.GetType().IsPrimitive || (RuntimeFeature.IsDynamicCodeSupported && FieldsOf(value.GetType()).All(field => IsImmutable(field.GetValue(value)))),
        Lock => true,                           // one for both does no harm
        _ => value.GetType() == typeof(object),
    };

    /// <summary>Whether a function's target is what the compiler makes for one that has caught nothing, or a class without a field of its own or of a base class.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2067", Justification = "Where fields may be missing, only the compiler's own class is taken.")]
    [UnconditionalSuppressMessage("Trimming", "IL2072", Justification = "Where fields may be missing, only the compiler's own class is taken.")]
    private static bool HasCaughtNothing(Type type)
    {
        if (type.Name == "<>c") return true;
        if (!RuntimeFeature.IsDynamicCodeSupported) return false;
        for (Type? at = type; at is not null; at = at.BaseType)
            if (FieldsOf(at).Length > 0) return false;
        return true;
    }

    private static FieldInfo[] FieldsOf([DynamicallyAccessedMembers(Settings.Fields)] Type type) => type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
}
