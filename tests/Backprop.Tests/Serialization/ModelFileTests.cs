using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

public abstract class ModelFileTests<T> : IDisposable where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"backprop-{Guid.NewGuid():N}.safetensors");

    public void Dispose()
    {
        File.Delete(_path);
        GC.SuppressFinalize(this);
    }

    private static Sequential<TModel> Model<TModel>(int seed, int hidden = 4) where TModel : unmanaged, System.Numerics.IFloatingPointIeee754<TModel>
    {
        var generator = new Generator(seed);
        var norm = new BatchNorm1d<TModel>(hidden);
        var model = new Sequential<TModel>
        {
            { "hidden", new Linear<TModel>(3, hidden, generator: generator) }, { "norm", norm },
            new Sigmoid<TModel>(), { "output", new Linear<TModel>(hidden, 2, bias: false, generator: generator) },
        };
        model.Forward(Any.Matrix<TModel>(5, 3, seed), model.NewPass());     // moves the running statistics
        return model;
    }

    [Fact]
    public void A_loaded_model_has_the_saved_ones_bits()
    {
        var (saved, loaded) = (Model<T>(1), Model<T>(2));
        saved.Save(_path);
        Runs.Model(loaded).Should().NotBe(Runs.Model(saved));
        loaded.Load(_path);
        Runs.Model(loaded).Should().Be(Runs.Model(saved));
    }

    [Fact]
    public void The_file_has_PyTorchs_names_shapes_and_order_of_values()
    {
        var model = Model<T>(1);
        model.Save(_path);
        using var file = SafeTensorsReader.Open(_path);
        var type = typeof(T) == typeof(double) ? "F64" : "F32";
        file.Entries.Select(entry => entry.ToString()).Should().BeEquivalentTo(
            $"hidden.weight: {type} [4, 3]", $"hidden.bias: {type} [4]", $"norm.weight: {type} [4]", $"norm.bias: {type} [4]", $"norm.running_mean: {type} [4]",
            $"norm.running_var: {type} [4]", "norm.num_batches_tracked: I64 []", $"output.weight: {type} [2, 4]");
        file.Metadata.Should().Contain("format", "pt");
        var weight = new T[12];
        file.Read("hidden.weight", weight.AsSpan());
        weight.Should().Equal(model.Get<Linear<T>>("hidden").Weight.Value.ToRowMajorArray());
    }

    [Fact]
    public void One_message_lists_all_that_does_not_fit_and_nothing_changes()
    {
        Model<T>(1, hidden: 5).Save(_path);
        var other = new Sequential<T> { { "hidden", new Linear<T>(3, 4) }, { "output", new Linear<T>(5, 2) }, { "last", new Linear<T>(2, 1, bias: false) } };
        Refused(other, $"""
            {_path} does not fit {other}:
              wrong shape: hidden.weight is (5, 3) in the file and (4, 3) here
              wrong shape: hidden.bias is (5) in the file and (4) here
              missing: output.bias (2)
              missing: last.weight (1, 2)
              unexpected: norm.*
            """);
        Refused(other, "*:\n  wrong shape: hidden.weight is (5, 3) in the file and (4, 3) here\n  wrong shape: hidden.bias is (5) in the file and (4) here", strict: false);
    }

    [Fact]
    public void What_both_have_is_loaded_when_strictness_is_not_asked_for()
    {
        var saved = Model<T>(1);
        saved.Save(_path);
        var other = new Sequential<T> { { "hidden", new Linear<T>(3, 4) }, { "last", new Linear<T>(4, 1) } };
        var last = Runs.Model(other["last"]);
        other.Load(_path, strict: false);
        Runs.Model(other["hidden"]).Should().Be(Runs.Model(saved["hidden"]));
        Runs.Model(other["last"]).Should().Be(last);
    }

    [Fact]
    public void Another_precision_is_converted_on_request_only()
    {
        var (single, twice) = (Model<float>(1), Model<double>(1));
        if (typeof(T) == typeof(double)) single.Save(_path);
        else twice.Save(_path);
        var model = Model<T>(2);
        Refused(model, "*wrong type: hidden.weight is F?? in the file and F?? here; convert: true converts it*");
        model.Load(_path, convert: true);
        var expected = typeof(T) == typeof(double) ? single.Parameters.SelectMany(p => p.Values.ToArray()).Select(T.CreateChecked) : twice.Parameters.SelectMany(p => p.Values.ToArray()).Select(T.CreateChecked);
        model.Parameters.SelectMany(p => p.Values.ToArray()).Should().Equal(expected);
        model.NamedBuffers().Select(named => named.Buffer).OfType<CounterBuffer<T>>().Single().Value.Should().Be(1);
    }

    [Fact]
    public void A_layer_that_stands_twice_is_there_under_both_names_as_in_PyTorch()
    {
        var shared = new Linear<T>(3, 3);
        var model = new Sequential<T> { { "first", shared }, { "second", shared } };
        model.Save(_path);
        var other = new Linear<T>(3, 3);
        new Sequential<T> { { "first", other }, { "second", other } }.Load(_path);
        Runs.Model(other).Should().Be(Runs.Model(shared));
    }

    [Fact]
    public void A_file_cut_short_anywhere_changes_nothing()
    {
        Model<T>(1).Save(_path);
        var bytes = File.ReadAllBytes(_path);
        var model = Model<T>(2);
        for (var length = 0; length < bytes.Length; length += 7)
        {
            File.WriteAllBytes(_path, bytes[..length]);
            Refused(model, "*");
        }
    }

    private void Refused<TModel>(Layer<TModel> model, string message, bool strict = true) where TModel : unmanaged, System.Numerics.IFloatingPointIeee754<TModel>
    {
        var before = Runs.Model(model);
        model.Invoking(m => m.Load(_path, strict)).Should().Throw<InvalidDataException>().WithMessage(message);
        Runs.Model(model).Should().Be(before);
    }
}

public sealed class ModelFileDoubleTests : ModelFileTests<double>;

public sealed class ModelFileSingleTests : ModelFileTests<float>;
