/**
 * Hears what is put into the cart without a page being loaded, and tells the data layer.
 */
( function () {
	var settings = window.tandemDataLayer;

	function push( items ) {
		if ( ! items || ! items.length ) {
			return;
		}
		var value = items.reduce( function ( sum, item ) {
			return sum + item.price * item.quantity;
		}, 0 );
		window.dataLayer = window.dataLayer || [];
		window.dataLayer.push( { ecommerce: null } );
		window.dataLayer.push( {
			event: 'add_to_cart',
			ecommerce: { currency: settings.currency, value: Math.round( value * 10000 ) / 10000, items: items },
		} );
	}

	// Buttons of classic themes: the answer carries what was added.
	if ( window.jQuery ) {
		window.jQuery( document.body ).on( 'added_to_cart', function ( event, fragments ) {
			push( fragments && fragments.tandem_added );
		} );
	}

	// Blocks: the cart is asked for what was added last.
	document.body.addEventListener( 'wc-blocks_added_to_cart', function () {
		window
			.fetch( settings.added, { credentials: 'same-origin' } )
			.then( function ( answer ) {
				return answer.json();
			} )
			.then( push )
			.catch( function () {} );
	} );
} )();
